/* A listing as text and as JSON. */
#include "data/list.h"

#include "base/json.h"
#include "base/plural.h"

enum { SIZES_SHOWN = 5, CLASSES_SHOWN = 20 };

/* Paths are other people's: what would move the cursor is shown as a number. */
static void print_escaped(FILE *out, const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p; p++)
        if (*p < 32 || *p == 127)
            fprintf(out, "\\x%02x", *p);
        else
            putc(*p, out);
}

static void print_sizes(FILE *out, const rn_listing *l)
{
    fputs("  sizes    ", out);
    for (int64_t i = 0; i < l->n_sizes && i < SIZES_SHOWN; i++)
        fprintf(out, "%s%" PRId64 "×%" PRId64 " (%" PRId64 ")", i ? ", " : " ", l->size[i].width, l->size[i].height,
                l->size[i].count);
    if (l->n_sizes > SIZES_SHOWN)
        fprintf(out, " and %" PRId64 " more sizes", l->n_sizes - SIZES_SHOWN);
    if (l->enlarged)
        fprintf(out, "; %" PRId64 " smaller than %" PRId64 "×%" PRId64 ", which are enlarged", l->enlarged,
                l->resolution.width, l->resolution.height);
    putc('\n', out);
}

static void print_classes(FILE *out, const rn_listing *l)
{
    fputs("  classes  ", out);
    for (int64_t i = 0; i < l->n_classes && i < CLASSES_SHOWN; i++) {
        fputs(i ? ", " : " ", out);
        print_escaped(out, l->class_count[i].name);
        fprintf(out, " (%" PRId64 ")", l->class_count[i].count);
    }
    if (l->n_classes > CLASSES_SHOWN)
        fprintf(out, " and %" PRId64 " more", l->n_classes - CLASSES_SHOWN);
    putc('\n', out);
}

void rn_listing_print(FILE *out, const rn_listing *l)
{
    fprintf(out, "%s: %" PRId64 " image%s", l->set->name, l->count, rn_plural(l->count));
    if (l->drawn)
        fputs(" an epoch, drawn when they are asked for", out);
    else
        fprintf(out, " of %" PRId64 " byte%s, %" PRId64 " refused", l->file_bytes, rn_plural(l->file_bytes), l->n_refused);
    fputs("\n  formats  ", out);
    for (int64_t i = 0; i < l->n_formats; i++)
        fprintf(out, "%s%s (%" PRId64 ")", i ? ", " : " ", l->format[i].format, l->format[i].count);
    putc('\n', out);
    print_sizes(out, l);
    if (l->n_classes)
        print_classes(out, l);
    if (l->n_refused)
        fputs("  refused\n", out);
    for (int64_t i = 0; i < l->n_refused; i++) {
        fputs("    ", out);
        print_escaped(out, l->refused[i].path);
        fputs(": ", out);
        print_escaped(out, l->refused[i].reason);
        putc('\n', out);
    }
}

static void put_count(rn_json *j, const char *name, int64_t images)
{
    rn_json_row(j, NULL);
    rn_json_text(j, "name", name);
    rn_json_int(j, "images", images);
    rn_json_end(j);
}

static void put_size(rn_json *j, rn_size_count size)
{
    rn_json_row(j, NULL);
    rn_json_int(j, "width", size.width);
    rn_json_int(j, "height", size.height);
    rn_json_int(j, "images", size.count);
    rn_json_end(j);
}

static void put_refused(rn_json *j, rn_data_refused refused)
{
    rn_json_row(j, NULL);
    rn_json_text(j, "name", refused.path);
    rn_json_text(j, "reason", refused.reason);
    rn_json_end(j);
}

void rn_listing_json(FILE *out, const rn_listing *l)
{
    rn_json j;
    rn_json_begin(&j, out);
    rn_json_object(&j, NULL);
    rn_json_text(&j, "name", l->set->name);
    rn_json_int(&j, "images", l->count);
    rn_json_int(&j, "bytes", l->file_bytes);
    rn_json_bool(&j, "drawn", l->drawn);
    rn_json_int(&j, "enlarged", l->enlarged);
    rn_json_array(&j, "formats");
    for (int64_t i = 0; i < l->n_formats; i++)
        put_count(&j, l->format[i].format, l->format[i].count);
    rn_json_end(&j);
    rn_json_array(&j, "sizes");
    for (int64_t i = 0; i < l->n_sizes; i++)
        put_size(&j, l->size[i]);
    rn_json_end(&j);
    rn_json_array(&j, "classes");
    for (int64_t i = 0; i < l->n_classes; i++)
        put_count(&j, l->class_count[i].name, l->class_count[i].count);
    rn_json_end(&j);
    rn_json_array(&j, "refused");
    for (int64_t i = 0; i < l->n_refused; i++)
        put_refused(&j, l->refused[i]);
    rn_json_end(&j);
    rn_json_end(&j);
    rn_json_finish(&j);
}
