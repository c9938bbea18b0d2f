#include "data/list.h"

#include "base/parallel.h"

#include <stdlib.h>
#include <string.h>

/* What is known of one image. */
struct found {
    const char *format; /* NULL: refused */
    int64_t width, height;
    rn_error *why; /* malloc; NULL: readable, or no memory to say why not */
};

struct pass {
    const rn_listing *listing;
    struct found *found;
};

static void look(const rn_listing *l, int64_t i, struct found *f)
{
    rn_error err = {0};
    rn_pixels p = {0};
    rn_image_info info = {0};
    if (l->set->read(l->state, i, &p, &err) && l->set->probe_item(l->state, i, &info, &err)) {
        *f = (struct found){.format = info.format, .width = p.width, .height = p.height};
    } else {
        f->why = malloc(sizeof *f->why);
        if (f->why)
            *f->why = err;
    }
    rn_pixels_free(&p);
}

static void look_at_all(void *context, int thread, int64_t begin, int64_t end)
{
    (void)thread;
    const struct pass *pass = context;
    for (int64_t i = begin; i < end; i++)
        look(pass->listing, i, &pass->found[i]);
}

static void count_format(rn_listing *l, const char *format)
{
    int64_t i = 0;
    while (i < l->n_formats && strcmp(l->format[i].format, format) != 0)
        i++;
    if (i == l->n_formats)
        l->format[l->n_formats++].format = format;
    l->format[i].count++;
}

static int compare_formats(const void *a_, const void *b_)
{
    const rn_format_count *a = a_, *b = b_;
    return a->count != b->count ? (a->count < b->count) - (a->count > b->count) : strcmp(a->format, b->format);
}

static int compare_sizes(const void *a_, const void *b_)
{
    const rn_size_count *a = a_, *b = b_;
    if (a->width != b->width)
        return a->width < b->width ? -1 : 1;
    return (a->height > b->height) - (a->height < b->height);
}

static int compare_size_counts(const void *a_, const void *b_)
{
    const rn_size_count *a = a_, *b = b_;
    return a->count != b->count ? (a->count < b->count) - (a->count > b->count) : compare_sizes(a, b);
}

static int compare_refused(const void *a, const void *b)
{
    return strcmp(((const rn_data_refused *)a)->path, ((const rn_data_refused *)b)->path);
}

/* Merges equal sizes, which are sorted. */
static void merge_sizes(rn_listing *l, int64_t n)
{
    qsort(l->size, (size_t)n, sizeof *l->size, compare_sizes);
    for (int64_t i = 0; i < n; i++)
        if (l->n_sizes && compare_sizes(&l->size[l->n_sizes - 1], &l->size[i]) == 0)
            l->size[l->n_sizes - 1].count++;
        else
            l->size[l->n_sizes++] = l->size[i];
    qsort(l->size, (size_t)l->n_sizes, sizeof *l->size, compare_size_counts);
}

enum { MAX_FORMATS = 16 }; /* a set has one or two */

static bool gather(rn_listing *l, const struct found *found, int64_t n, rn_error *err)
{
    const char *const *names = l->set->classes ? l->set->classes(l->state) : NULL;
    while (names && names[l->n_classes])
        l->n_classes++;
    l->format = rn_arena_array(&l->arena, MAX_FORMATS, sizeof *l->format);
    l->size = rn_arena_array(&l->arena, (size_t)n, sizeof *l->size);
    l->class_count = rn_arena_array(&l->arena, (size_t)l->n_classes + 1, sizeof *l->class_count);
    l->refused = rn_arena_array(&l->arena, (size_t)n, sizeof *l->refused);
    if (!rn_arena_check(&l->arena, "the list of images", err))
        return false;
    for (int64_t k = 0; names && k < l->n_classes; k++)
        l->class_count[k].name = names[k];
    for (int64_t i = 0; i < n; i++) {
        const struct found *f = &found[i];
        rn_dataset_item item = {0};
        l->set->item(l->state, i, &item);
        if (!f->format) {
            const char *why = rn_arena_text(&l->arena, f->why ? f->why->text : "no memory");
            l->refused[l->n_refused++] = (rn_data_refused){.path = item.path, .reason = why};
            continue;
        }
        if (l->n_formats < MAX_FORMATS)
            count_format(l, f->format);
        l->size[l->count++] = (rn_size_count){f->width, f->height, 1};
        l->file_bytes += item.file_bytes;
        l->enlarged += f->width < l->resolution.width || f->height < l->resolution.height;
        if (item.label >= 0 && item.label < l->n_classes)
            l->class_count[item.label].count++;
    }
    qsort(l->format, (size_t)l->n_formats, sizeof *l->format, compare_formats);
    qsort(l->refused, (size_t)l->n_refused, sizeof *l->refused, compare_refused);
    merge_sizes(l, l->count);
    return rn_arena_check(&l->arena, "the list of images", err);
}

/* A set without end reads nothing, so one image stands for all. */
static bool gather_drawn(rn_listing *l, rn_error *err)
{
    rn_image_info info = {0};
    l->drawn = true;
    l->format = rn_arena_array(&l->arena, 1, sizeof *l->format);
    l->size = rn_arena_array(&l->arena, 1, sizeof *l->size);
    if (!rn_arena_check(&l->arena, "the list of images", err) || !l->set->probe_item(l->state, 0, &info, err))
        return false;
    l->count = l->set->count(l->state);
    *l->format = (rn_format_count){info.format, l->count};
    *l->size = (rn_size_count){info.width, info.height, l->count};
    l->n_formats = l->n_sizes = 1;
    return true;
}

bool rn_listing_open(const rn_data_config *config, rn_listing *listing, rn_error *err)
{
    rn_listing l = {.set = (const rn_dataset *)config->set.what, .resolution = config->resolution};
    const rn_dataset_env env = {.bytes = sizeof env, .height = config->resolution.height,
                                .width = config->resolution.width, .max_pixels = config->max_pixels,
                                .place = config->set.place};
    if (!l.set->open(config->set.params, &env, &l.state, err))
        return false;
    bool ok;
    if (l.set->endless) {
        ok = gather_drawn(&l, err);
    } else {
        const int64_t n = l.set->count(l.state);
        struct pass pass = {&l, calloc((size_t)n, sizeof *pass.found)};
        if (pass.found) {
            rn_parallel(n, look_at_all, &pass);
            ok = gather(&l, pass.found, n, err);
        } else {
            ok = rn_fail(err, RN_EMEMORY, "no memory for a list of %" PRId64 " images", n);
        }
        for (int64_t i = 0; pass.found && i < n; i++)
            free(pass.found[i].why);
        free(pass.found);
    }
    if (ok)
        *listing = l;
    else
        rn_listing_close(&l);
    return ok;
}

void rn_listing_close(rn_listing *l)
{
    if (l->state)
        l->set->close(l->state);
    rn_arena_free(&l->arena);
    *l = (rn_listing){0};
}
