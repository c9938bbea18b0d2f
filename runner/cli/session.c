#include "cli/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "data.resolution=64\ndata.type=…": the resolved values below some sections, which tell whether two variants can
 * share what was made from them. */
static const char *key_of(rn_session *s, const rn_variant *v, const char *const *sections)
{
    size_t bytes = 1;
    for (int pass = 0;; pass++) {
        char *text = pass ? rn_arena_alloc(&s->cli->arena, bytes) : NULL, *at = text;
        for (int64_t i = 0; i < v->n_values; i++)
            for (const char *const *section = sections; *section; section++) {
                const size_t n = strlen(*section);
                if (strncmp(v->value[i].path, *section, n) != 0)
                    continue;
                if (pass == 0)
                    bytes += strlen(v->value[i].path) + strlen(v->value[i].text) + 2;
                else if (text)
                    at += snprintf(at, bytes - (size_t)(at - text), "%s=%s\n", v->value[i].path, v->value[i].text);
            }
        if (pass)
            return text;
    }
}

static const char *image_cache(rn_session *s)
{
    const char *path = rn_arena_print(&s->cli->arena, "%s/cache/images", s->out);
    return path ? path : ".";
}

static bool same(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

static void forget_scorer(rn_session *s)
{
    rn_scorer_close(s->scorer);
    rn_data_close(s->reference);
    s->scorer = NULL, s->reference = NULL, s->scorer_key = NULL;
}

bool rn_session_data(rn_session *s, const rn_variant *v, rn_error *err)
{
    static const char *const sections[] = {"data.", NULL};
    const char *key = key_of(s, v, sections);
    if (s->data && same(s->data_key, key))
        return true;
    forget_scorer(s);
    rn_data_close(s->data);
    s->data = NULL;
    if (!rn_data_open_cached(&v->experiment->data, image_cache(s), &s->data, err))
        return rn_at(err, v->experiment->data.set.place);
    s->data_key = key;
    return true;
}

bool rn_session_scorer(rn_session *s, const rn_variant *v, rn_error *err)
{
    static const char *const sections[] = {"data.", "evaluate.", NULL};
    const rn_experiment *e = v->experiment;
    const char *key = key_of(s, v, sections);
    if (s->scorer && same(s->scorer_key, key))
        return true;
    forget_scorer(s);
    if (e->evaluate.reference.what) {
        rn_data_config other = e->data;
        other.set = e->evaluate.reference;
        other.held_out = 0;
        other.flip = false;
        if (!rn_data_open_cached(&other, image_cache(s), &s->reference, err))
            return rn_at(err, e->evaluate.reference.place);
    }
    const char *cache = rn_arena_print(&s->cli->arena, "%s/cache/stats", s->out);
    if (!cache)
        return rn_fail(err, RN_EMEMORY, "no memory for a path");
    if (!rn_scorer_open(&e->evaluate, s->reference ? s->reference : s->data, cache, &s->scorer, err))
        return false;
    s->scorer_key = key;
    return true;
}

void rn_session_close(rn_session *s)
{
    forget_scorer(s);
    rn_data_close(s->data);
    s->data = NULL;
    rn_store_close(s->store);
    s->store = NULL;
    rn_tuner_close(s->tuner);
    s->tuner = NULL;
    rn_progress_free(&s->progress);
}
