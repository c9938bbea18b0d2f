/* list: what `runner plugins` prints, one block for each plugin in the order in which they were found. */
#include "plugin/list.h"

#include "base/json.h"

#include <string.h>

enum { WIDTH = 110, INDENT = 14 };

/* Words one after the other, broken at the width of the page. */
typedef struct words {
    FILE *out;
    int column, n;
} words;

static void put_word(words *w, const char *text)
{
    const int n = (int)strlen(text);
    if (w->n > 0 && w->column + 2 + n > WIDTH) {
        fprintf(w->out, ",\n%*s", INDENT, "");
        w->column = INDENT;
    } else if (w->n > 0) {
        fputs(", ", w->out);
        w->column += 2;
    }
    fputs(text, w->out);
    w->column += n;
    w->n++;
}

static words put_kind(FILE *out, const char *word)
{
    fprintf(out, "  %-*s", INDENT - 2, word);
    return (words){out, INDENT, 0};
}

/* Components of a kind that a plugin offers; `*` marks what a spec gets that is silent. */
static void put_components(FILE *out, const rn_registry *r, rn_kind kind, const rn_loaded *owner)
{
    words w = {0};
    for (int i = 0; i < rn_registry_count(r, kind); i++) {
        if (rn_registry_owner(r, kind, i) != owner)
            continue;
        char text[160];
        const rn_component *c = rn_registry_at(r, kind, i);
        if (w.n == 0)
            w = put_kind(out, rn_kind_name(kind));
        snprintf(text, sizeof text, "%.150s%s", c->name, c->is_default ? "*" : "");
        put_word(&w, text);
    }
    if (w.n > 0)
        fputc('\n', out);
}

static const rn_kernel *kernel_at(const rn_registry *r, int i)
{
    return (const rn_kernel *)rn_registry_at(r, RN_KIND_KERNEL, i);
}

/* Kernels have the name of their set; what tells them apart is the op: "kernel  openblas for conv2d, linear". */
static void put_kernels(FILE *out, const rn_registry *r, const rn_loaded *owner)
{
    const int n = rn_registry_count(r, RN_KIND_KERNEL);
    for (int i = 0; i < n; i++) {
        const char *set = kernel_at(r, i)->name, *last = "";
        bool seen = rn_registry_owner(r, RN_KIND_KERNEL, i) != owner;
        for (int k = 0; k < i && !seen; k++)
            seen = rn_registry_owner(r, RN_KIND_KERNEL, k) == owner && strcmp(kernel_at(r, k)->name, set) == 0;
        if (seen)
            continue;
        words w = put_kind(out, rn_kind_name(RN_KIND_KERNEL));
        w.column += fprintf(out, "%s for ", set);
        for (int k = i; k < n; k++) {
            const rn_kernel *kernel = kernel_at(r, k);
            if (rn_registry_owner(r, RN_KIND_KERNEL, k) == owner && strcmp(kernel->name, set) == 0 &&
                strcmp(kernel->op, last) != 0)
                put_word(&w, last = kernel->op);
        }
        fputc('\n', out);
    }
}

static bool print_text(FILE *out, const rn_registry *r)
{
    for (int i = 0; i < rn_registry_plugins(r); i++) {
        const rn_loaded *p = rn_registry_plugin(r, i);
        fprintf(out, "%s%s %s (%s)  %s\n", i ? "\n" : "", p->plugin->name, p->plugin->version, p->plugin->licence,
                p->path);
        for (int k = RN_KIND_NONE + 1; k < RN_KIND_END; k++)
            if (k == RN_KIND_KERNEL)
                put_kernels(out, r, p);
            else
                put_components(out, r, (rn_kind)k, p);
    }
    fprintf(out, "\n* is taken where a spec is silent; `runner describe KIND NAME` says more\n");
    return !ferror(out);
}

/* {"kind": "kernel", "name": "openblas", "doc": …, "default": false, "op": "conv2d", "device": "cpu", "rank": 5} */
static void put_component_json(rn_json *j, rn_kind kind, const rn_component *c)
{
    rn_json_row(j, NULL);
    rn_json_text(j, "kind", rn_kind_name(kind));
    rn_json_text(j, "name", c->name);
    rn_json_text(j, "doc", c->doc);
    rn_json_bool(j, "default", c->is_default);
    if (kind == RN_KIND_KERNEL) {
        const rn_kernel *k = (const rn_kernel *)c;
        rn_json_text(j, "op", k->op);
        rn_json_text(j, "device", k->device);
        rn_json_text(j, "type", k->type == RN_NO_TYPE ? NULL : rn_type_name(k->type));
        rn_json_int(j, "rank", k->rank);
    }
    rn_json_end(j);
}

static bool print_json(FILE *out, const rn_registry *r)
{
    rn_json j;
    rn_json_begin(&j, out);
    rn_json_array(&j, NULL);
    for (int i = 0; i < rn_registry_plugins(r); i++) {
        const rn_loaded *p = rn_registry_plugin(r, i);
        rn_json_object(&j, NULL);
        rn_json_text(&j, "name", p->plugin->name);
        rn_json_text(&j, "version", p->plugin->version);
        rn_json_text(&j, "licence", p->plugin->licence);
        rn_json_text(&j, "file", p->path);
        rn_json_text(&j, "sha256", p->sha256);
        rn_json_int(&j, "abi", p->plugin->abi);
        rn_json_array(&j, "offers");
        for (int k = RN_KIND_NONE + 1; k < RN_KIND_END; k++)
            for (int c = 0; c < rn_registry_count(r, (rn_kind)k); c++)
                if (rn_registry_owner(r, (rn_kind)k, c) == p)
                    put_component_json(&j, (rn_kind)k, rn_registry_at(r, (rn_kind)k, c));
        rn_json_end(&j);
        rn_json_end(&j);
    }
    rn_json_end(&j);
    rn_json_finish(&j);
    return !ferror(out);
}

bool rn_plugins_print(FILE *out, const rn_registry *r, bool json)
{
    return json ? print_json(out, r) : print_text(out, r);
}
