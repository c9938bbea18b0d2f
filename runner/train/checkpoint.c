#include "train/checkpoint.h"
#include "train/safetensors.h"

#include <stdlib.h>
#include <string.h>

bool rn_checkpoint_write(const char *path, const rn_parameters *p, const float *values, rn_error *err)
{
    static const char *const metadata[] = {"format", "pt", NULL};
    rn_file_tensor *tensor = calloc((size_t)p->n + 1, sizeof *tensor);
    float *file = malloc(((size_t)p->elements + 1) * sizeof *file);
    bool ok = tensor && file;
    if (!ok)
        rn_fail(err, RN_EMEMORY, "no memory to write '%s': %zu bytes", path, (size_t)p->elements * sizeof *file);
    float *at = file;
    for (int64_t i = 0; ok && i < p->n; i++) {
        const rn_parameter *q = &p->v[i];
        rn_file_tensor *f = &tensor[i];
        f->name = q->name, f->dtype = RN_DTYPE_F32, f->data = at, f->count = q->count;
        f->bytes = (size_t)q->count * sizeof *at;
        f->rank = rn_parameter_file_dims(q, f->dim);
        rn_parameter_to_file(q, values + q->offset, at);
        at += q->count;
    }
    ok = ok && rn_safetensors_write(path, tensor, p->n, metadata, err);
    free(tensor);
    free(file);
    return ok;
}

static bool fits(const char *path, const rn_parameter *q, const rn_file_tensor *f, rn_error *err)
{
    int64_t dim[RN_MAX_RANK];
    const int rank = rn_parameter_file_dims(q, dim);
    if (!f)
        return rn_fail(err, RN_EFORMAT, "%s: tensor '%s' is missing", path, q->name);
    bool same = f->rank == rank;
    for (int i = 0; same && i < rank; i++)
        same = f->dim[i] == dim[i];
    if (same)
        return true;
    rn_shape want = {.rank = rank}, got = {.rank = f->rank < RN_MAX_RANK ? f->rank : RN_MAX_RANK};
    memcpy(want.dim, dim, sizeof want.dim);
    memcpy(got.dim, f->dim, sizeof got.dim);
    char a[RN_SHAPE_TEXT], b[RN_SHAPE_TEXT];
    return rn_fail(err, RN_EFORMAT, "%s: tensor '%s' is %s, the network has %s", path, q->name, rn_shape_text(got, a),
                   rn_shape_text(want, b));
}

bool rn_checkpoint_read(const char *path, const rn_parameters *p, float *values, rn_error *err)
{
    rn_safetensors *file = NULL;
    if (!rn_safetensors_open(path, &file, err))
        return false;
    float *all = malloc(((size_t)p->elements + 1) * sizeof *all), *at = all;
    bool ok = all != NULL || rn_fail(err, RN_EMEMORY, "no memory to read '%s'", path);
    for (int64_t i = 0; ok && i < p->n; i++) {
        const rn_file_tensor *f = rn_safetensors_find(file, p->v[i].name);
        ok = fits(path, &p->v[i], f, err) &&
             (rn_file_tensor_float(f, at) || rn_fail(err, RN_EFORMAT, "%s: tensor '%s' is of a type that is not read",
                                                     path, p->v[i].name));
        at += p->v[i].count;
    }
    for (int64_t i = 0; ok && i < rn_safetensors_count(file); i++)
        if (!rn_parameters_find(p, rn_safetensors_at(file, i)->name))
            ok = rn_fail(err, RN_EFORMAT, "%s: tensor '%s' is no parameter of the network", path,
                         rn_safetensors_at(file, i)->name);
    at = all;
    for (int64_t i = 0; ok && i < p->n; at += p->v[i++].count)
        rn_parameter_from_file(&p->v[i], at, values + p->v[i].offset);
    free(all);
    rn_safetensors_close(file);
    return ok;
}
