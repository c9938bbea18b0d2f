/* product.h: for a block of rows all panels, for a panel all strips of the block. */
#include "product.h"

void product_pack(const product *p, rn_bf16 *panels, int64_t begin, int64_t end)
{
    for (int64_t i = begin; i < end; i++) {
        const int64_t j = i * STRIP_COLUMNS;
        pack_panel(source_at(p->b, p->turned ? j * p->b_pitch : j), p->b_pitch, p->turned, p->k, whole_steps(p->k),
                   least(STRIP_COLUMNS, p->n - j), panels + i * product_panel(p));
    }
}

/* Columns [row, row + rows) of a stored as [k, ..]. */
static void pack_crossed(const product *p, int64_t row, int64_t rows, rn_bf16 *to, int64_t pitch)
{
    for (int64_t l = 0; l < p->k; l += CROSS_ROWS) {
        const void *run[CROSS_ROWS];
        for (int64_t i = 0; i < CROSS_ROWS; i++)
            run[i] = l + i < p->k ? source_at(p->a, (l + i) * p->a_pitch + row).v : NULL;
        for (int64_t i = 0; i < rows; i += PAIRS)
            pack_cross(run, p->a.narrow, i, rows, to + i * pitch + l, pitch);
    }
}

/* Rows of a that may be read where they lie: in whole steps, and as many as a tile reads. */
static bool lies_ready(const product *p, int64_t rows)
{
    return p->a.narrow && !p->crossed && p->k % K_STEP == 0 && (STRIP_GROUPS == 1 || rows % GROUP_ROWS == 0);
}

static void strip_of(strip *s, const rn_bf16 *a, void *c, int64_t rows, int64_t size, int64_t i)
{
    for (int g = 0; g < STRIP_GROUPS; g++) {
        const int64_t row = (i * STRIP_GROUPS + g) * size;
        s->group[g] = (strip_group){a + row * s->a_pitch, (char *)c + row * s->c_pitch * (int64_t)source_bytes(s->c_narrow),
                                    most(0, least(size, rows - row))};
    }
}

/* Rows [row, row + rows) of c. */
static void block(const product *p, const rn_bf16 *panels, int64_t row, int64_t rows, rn_bf16 *scratch)
{
    const bool ready = lies_ready(p, rows);
    strip s = {.group_rows = GROUP_ROWS, .a_pitch = ready ? p->a_pitch : product_pitch(p), .lines = 1, .k = whole_steps(p->k),
               .c_pitch = p->c_pitch, .c_narrow = p->c_narrow};
    const rn_bf16 *a = scratch;
    if (ready)
        a = source_at(p->a, row * p->a_pitch).v;
    else if (p->crossed)
        pack_crossed(p, row, rows, scratch, s.a_pitch);
    else
        pack_rows(source_at(p->a, row * p->a_pitch), p->a_pitch, rows, p->k, scratch, s.a_pitch);
    void *c = (char *)p->c + row * p->c_pitch * (int64_t)source_bytes(p->c_narrow);
    const int64_t size = STRIP_GROUPS == 1 ? even_group(rows) : GROUP_ROWS, strips = pieces(rows, size * STRIP_GROUPS);
    for (int64_t j = 0; j < p->n; j += STRIP_COLUMNS, panels += product_panel(p))
        for (int64_t i = 0; i < strips; i++) {
            strip_of(&s, a, c, rows, size, i);
            strip_product(&s, panels, j, least(STRIP_COLUMNS, p->n - j), p->bias ? p->bias + j : NULL, false);
        }
}

void product_unit(const product *p, const rn_bf16 *panels, int64_t unit, rn_bf16 *scratch)
{
    /* Whole strips, but for the last unit's last. */
    const int64_t strips = pieces(p->rows, STRIP_ROWS), units = product_units(p);
    const int64_t begin = strips * unit / units * STRIP_ROWS, end = least(p->rows, strips * (unit + 1) / units * STRIP_ROWS);
    for (int64_t row = begin; row < end; row += product_block(p))
        block(p, panels, row, least(product_block(p), end - row), scratch);
}
