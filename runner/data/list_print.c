/* A listing as text and as JSON. */
#include "data/list.h"

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
    fprintf(out, "%s: %" PRId64 " images", l->set->name, l->count);
    if (l->drawn)
        fputs(" an epoch, drawn when they are asked for", out);
    else
        fprintf(out, " of %" PRId64 " bytes, %" PRId64 " refused", l->file_bytes, l->n_refused);
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

/* Length of the UTF-8 sequence at p; 0 where there is none (also overlong ones and halves of surrogates). */
static int utf8_length(const unsigned char *p)
{
    static const struct {
        unsigned char first, last, second_first, second_last;
        int n;
    } rows[] = {{0x20, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
                {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
                {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (p[0] < rows[i].first || p[0] > rows[i].last)
            continue;
        if (rows[i].n > 1 && (p[1] < rows[i].second_first || p[1] > rows[i].second_last))
            return 0;
        for (int k = 2; k < rows[i].n; k++)
            if (p[k] < 0x80 || p[k] > 0xbf)
                return 0;
        return rows[i].n;
    }
    return 0;
}

static void json_text(FILE *out, const char *text)
{
    putc('"', out);
    for (const unsigned char *p = (const unsigned char *)text; *p;) {
        const int n = utf8_length(p);
        if (*p == '"' || *p == '\\')
            fprintf(out, "\\%c", *p);
        else if (n)
            fwrite(p, 1, (size_t)n, out);
        else
            fprintf(out, "\\u%04x", *p < 32 ? *p : 0xfffdu);
        p += n ? n : 1;
    }
    putc('"', out);
}

static void json_key(FILE *out, bool first, const char *key)
{
    fputs(first ? "" : ", ", out);
    json_text(out, key);
    fputs(": ", out);
}

/* `key: [` */
static void json_list(FILE *out, const char *key)
{
    json_key(out, false, key);
    putc('[', out);
}

void rn_listing_json(FILE *out, const rn_listing *l)
{
    putc('{', out);
    json_key(out, true, "name");
    json_text(out, l->set->name);
    fprintf(out, ", \"images\": %" PRId64 ", \"bytes\": %" PRId64 ", \"drawn\": %s, \"enlarged\": %" PRId64, l->count,
            l->file_bytes, l->drawn ? "true" : "false", l->enlarged);
    json_list(out, "formats");
    for (int64_t i = 0; i < l->n_formats; i++) {
        fputs(i ? ", {" : "{", out);
        json_key(out, true, "name");
        json_text(out, l->format[i].format);
        fprintf(out, ", \"images\": %" PRId64 "}", l->format[i].count);
    }
    putc(']', out);
    json_list(out, "sizes");
    for (int64_t i = 0; i < l->n_sizes; i++)
        fprintf(out, "%s{\"width\": %" PRId64 ", \"height\": %" PRId64 ", \"images\": %" PRId64 "}", i ? ", " : "",
                l->size[i].width, l->size[i].height, l->size[i].count);
    putc(']', out);
    json_list(out, "classes");
    for (int64_t i = 0; i < l->n_classes; i++) {
        fputs(i ? ", {" : "{", out);
        json_key(out, true, "name");
        json_text(out, l->class_count[i].name);
        fprintf(out, ", \"images\": %" PRId64 "}", l->class_count[i].count);
    }
    putc(']', out);
    json_list(out, "refused");
    for (int64_t i = 0; i < l->n_refused; i++) {
        fputs(i ? ", {" : "{", out);
        json_key(out, true, "name");
        json_text(out, l->refused[i].path);
        json_key(out, false, "reason");
        json_text(out, l->refused[i].reason);
        putc('}', out);
    }
    fputs("]}\n", out);
}
