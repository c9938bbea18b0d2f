#include "spec/write.h"

#include "base/json.h"

#include <string.h>
#include <unistd.h>

enum { STEPS = RN_TREE_DEPTH };

/* The path of a value as its steps: "model", "levels", "[2]", "channels". */
typedef struct steps { const char *at[STEPS]; size_t n[STEPS]; int count; } steps;

static steps steps_of(const char *path)
{
    steps s = {.count = 0};
    while (*path && s.count < STEPS) {
        const size_t n = *path == '[' ? strcspn(path, "]") + 1 : strcspn(path, ".[");
        s.at[s.count] = path;
        s.n[s.count++] = n;
        path += n;
        path += *path == '.';
    }
    return s;
}

/* How many steps two paths share at their beginning. */
static int shared(const steps *a, const steps *b)
{
    int k = 0;
    while (k < a->count && k < b->count && a->n[k] == b->n[k] && memcmp(a->at[k], b->at[k], a->n[k]) == 0)
        k++;
    return k;
}

/* JSON's strings are YAML's, in double quotes. */
static void put_text(FILE *f, const char *text, bool is_path)
{
    char folder[4096], whole[8192];
    if (is_path && text[0] != '/' && getcwd(folder, sizeof folder) &&
        snprintf(whole, sizeof whole, "%s/%s", folder, text) < (int)sizeof whole)
        text = whole;
    rn_json_quote(f, text);
}

static void put_value(FILE *f, const rn_value *v)
{
    if (v->n_texts > 0) {
        for (int64_t i = 0; i < v->n_texts; i++) {
            fputs(i ? ", " : "[", f);
            put_text(f, v->texts[i], v->is_path);
        }
        fputs("]", f);
    } else if (v->is_text) {
        put_text(f, v->text, v->is_path);
    } else {
        fputs(v->text, f);
    }
}

/* Values that stand in one mapping come one after the other, so each mapping is opened once:
 *
 *     model:
 *       levels:
 *         - block: resnet        the first key of an element stands behind its dash
 *           channels: 8 */
void rn_variant_write(FILE *f, const rn_variant *v, uint32_t seed)
{
    steps before = {.count = 0};
    fprintf(f, "# All values of one run: what the spec said, and the defaults of that time.\n");
    for (int64_t i = 0; i < v->n_values; i++) {
        const steps now = steps_of(v->value[i].path);
        bool behind_dash = false;
        for (int k = shared(&before, &now); k < now.count; k++) {
            const bool last = k + 1 == now.count;
            fprintf(f, "%*s", behind_dash ? 0 : 2 * k, "");
            behind_dash = now.at[k][0] == '[';
            if (behind_dash)
                fputs("- ", f);
            else
                fprintf(f, "%.*s:%s", (int)now.n[k], now.at[k], last ? " " : "\n");
        }
        if (strcmp(v->value[i].path, "seeds") == 0)
            fprintf(f, "[%" PRIu32 "]", seed);
        else
            put_value(f, &v->value[i]);
        fputc('\n', f);
        before = now;
    }
    fprintf(f, "variants: {");
    rn_json_quote(f, v->name);
    fprintf(f, ": none}\n");
}
