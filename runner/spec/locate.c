#include "spec/locate.h"

#include <stdio.h>
#include <stdlib.h>

/* One step of a path from *p on: "loss", then "scales", then "[1]". NULL: there is nothing of that name. */
static const rn_node *one_step(const rn_node *node, const char **p, const char *end)
{
    if (**p == '[') {
        char *after;
        const long i = strtol(*p + 1, &after, 10);
        *p = after < end ? after + 1 : end; /* the bracket */
        return node->kind == RN_NODE_SEQUENCE && i >= 0 && i < node->n ? node->item[i] : NULL;
    }
    const char *begin = *p;
    while (*p < end && **p != '.' && **p != '[')
        ++*p;
    const size_t n = (size_t)(*p - begin);
    for (int64_t i = 0; node->kind == RN_NODE_MAPPING && i < node->n; i++)
        if (strlen(node->entry[i].key) == n && memcmp(node->entry[i].key, begin, n) == 0)
            return node->entry[i].value;
    return NULL;
}

static const rn_node *walk(const rn_node *node, const char *p, const char *end)
{
    while (node && p < end) {
        node = one_step(node, &p, end);
        p += p < end && *p == '.';
    }
    return node;
}

/* The deepest node that the words before colons name, in their order: of "task: shift: ends: kept belongs to from" the
 * value of `ends` in `shift`. Words that name nothing are skipped, as scopes of the network are. NULL: none does. */
static const rn_node *named(const rn_node *component, const char *text)
{
    const rn_node *found = NULL;
    for (const char *colon; (colon = strstr(text, ": ")); text = colon + 2) {
        const bool word = strcspn(text, " '\"") >= (size_t)(colon - text);
        const rn_node *deeper = word ? walk(found ? found : component, text, colon) : NULL;
        found = deeper ? deeper : found;
    }
    return found;
}

/* The first value that somebody wrote at the path that the text begins with, from the root or inside of it:
 * "evaluate.guidance.interval: low 3 is not below high 1" is told by what has the model's place. No mark: none. */
static rn_mark from_root(const rn_variant *v, const char *text)
{
    const char *colon = strstr(text, ": ");
    const size_t n = colon && memchr(text, '.', (size_t)(colon - text)) ? (size_t)(colon - text) : 0; /* not "task: " */
    for (int64_t i = 0; n && i < v->n_values; i++)
        if (strncmp(v->value[i].path, text, n) == 0 && strchr(".[", v->value[i].path[n]) /* or its end */ && !v->value[i].is_default)
            return v->value[i].mark;
    return (rn_mark){0};
}

/* The value of the component that the text quotes, as "could not read 'photos'" does. No mark: none. */
static rn_mark quoted(const rn_variant *v, const rn_placed *c, const char *text)
{
    const size_t n = strlen(c->path);
    char quote[1200];
    for (int64_t i = 0; i < v->n_values; i++) {
        const rn_value *value = &v->value[i];
        if (strncmp(value->path, c->path, n) != 0 || value->path[n] != '.' || value->is_default || value->is_number)
            continue;
        if (snprintf(quote, sizeof quote, "'%s'", value->text) < (int)sizeof quote && strstr(text, quote))
            return value->mark;
    }
    return (rn_mark){0};
}

rn_mark rn_variant_locate(const rn_variant *v, const rn_error *err)
{
    rn_mark mark = {0};
    for (int64_t i = 0; err->line > 0 && i < v->n_components; i++) {
        const rn_placed *c = &v->component[i];
        const rn_place at = rn_mark_place(c->mark);
        if (!at.file || at.line != err->line || at.column != err->column || strcmp(at.file, err->file) != 0)
            continue;
        const rn_node *node = named(c->node, err->text);
        if (node && node->mark.source && node->mark.source->kind != RN_SOURCE_DEFAULT)
            return node->mark;
        const rn_mark whole = from_root(v, err->text);
        if (whole.source)
            return whole;
        const rn_mark value = quoted(v, c, err->text);
        if (value.source)
            return value;
        if (!mark.source) /* several may share a place: those that nobody wrote stand where their mapping does */
            mark = c->mark;
    }
    return mark;
}
