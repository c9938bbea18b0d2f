#include "models/changed.h"

#include <stdlib.h>
#include <string.h>

rn_chosen changed_copy(rn_graph *g, const rn_chosen *from)
{
    rn_chosen copy = *from;
    void *params = from->what ? calloc(1, from->what->params_bytes + 1) : NULL;
    if (!params) {
        rn_graph_fail(g, RN_EMEMORY, "no memory for the parameters of a layer");
        return (rn_chosen){0};
    }
    if (from->params)
        memcpy(params, from->params, from->what->params_bytes);
    copy.params = params;
    return copy;
}

/* Made by changed_copy(), so not constant. */
static void *own_params(const rn_chosen *copy)
{
    void *params;
    memcpy(&params, &copy->params, sizeof params);
    return params;
}

void changed_free(rn_chosen *copy)
{
    free(own_params(copy));
    *copy = (rn_chosen){0};
}

/* The field of that name and type; the graph fails where there is none. */
static void *field(rn_graph *g, rn_chosen *copy, const char *key, const char *name, rn_param_type type)
{
    if (!copy->what) /* failed before */
        return NULL;
    for (const rn_param *row = copy->what->params; row && row->type != RN_PARAM_END; row++)
        if (row->type == type && strcmp(row->name, name) == 0)
            return (char *)own_params(copy) + row->offset;
    rn_graph_fail(g, RN_ERANGE, "%s: the layer '%s' has no '%s' that could be set", key, copy->what->name, name);
    return NULL;
}

void changed_int(rn_graph *g, rn_chosen *copy, const char *key, const char *name, int64_t value)
{
    int64_t *at = field(g, copy, key, name, RN_PARAM_INT);
    if (at)
        *at = value;
}

void changed_real(rn_graph *g, rn_chosen *copy, const char *key, const char *name, double value)
{
    double *at = field(g, copy, key, name, RN_PARAM_REAL);
    if (at)
        *at = value;
}
