/* The letters of figures: 5×7 dots over two rows for descenders, drawn as they look. Under each row of names the nine
 * rows of dots of its glyphs, one after the other, with a column between them. */
#include "report/canvas.h"

#include <stddef.h>

enum { PITCH = RN_GLYPH_WIDTH + 1 };

typedef struct glyph_line {
    const char *names;
    const char *dots[RN_GLYPH_HEIGHT];
} glyph_line;

/* clang-format off */
static const glyph_line lines[] = {
    {"ABCDEFGHIJKLM", {
     " ###  ####   ###  ####  ##### #####  ###  #   #  ###    ### #   # #     #   #",
     "#   # #   # #   # #   # #     #     #   # #   #   #      #  #  #  #     ## ##",
     "#   # #   # #     #   # #     #     #     #   #   #      #  # #   #     # # #",
     "##### ####  #     #   # ####  ####  # ### #####   #      #  ##    #     # # #",
     "#   # #   # #     #   # #     #     #   # #   #   #      #  # #   #     #   #",
     "#   # #   # #   # #   # #     #     #   # #   #   #   #  #  #  #  #     #   #",
     "#   # ####   ###  ####  ##### #      #### #   #  ###   ##   #   # ##### #   #",
     "", ""}},
    {"NOPQRSTUVWXYZ", {
     "#   #  ###  ####   ###  ####   #### ##### #   # #   # #   # #   # #   # #####",
     "#   # #   # #   # #   # #   # #       #   #   # #   # #   # #   # #   #     #",
     "##  # #   # #   # #   # #   # #       #   #   # #   # #   #  # #   # #     # ",
     "# # # #   # ####  #   # ####   ###    #   #   # #   # # # #   #     #     #  ",
     "#  ## #   # #     # # # # #       #   #   #   # #   # # # #  # #    #    #   ",
     "#   # #   # #     #  #  #  #      #   #   #   #  # #  ## ## #   #   #   #    ",
     "#   #  ###  #      ## # #   # ####    #    ###    #   #   # #   #   #   #####",
     "", ""}},
    {"abcdefghijklm", {
     "      #               #         ##        #       #     #   #      ##        ",
     "      #               #        #  #       #                 #       #        ",
     " ###  # ##   ###   ## #  ###   #     #### # ##   ##    ##   #  #    #   ## # ",
     "    # ##  # #   # #  ## #   # ###   #   # ##  #   #     #   # #     #   # # #",
     " #### #   # #     #   # #####  #    #   # #   #   #     #   ##      #   # # #",
     "#   # #   # #   # #   # #      #     #### #   #   #     #   # #     #   #   #",
     " #### ####   ###   ####  ###   #        # #   #  ###    #   #  #   ###  #   #",
     "                                    #   #               #                    ",
     "                                     ###              ##                     "}},
    {"nopqrstuvwxyz", {
     "                                     #                                       ",
     "                                     #                                       ",
     "# ##   ###  ####   #### # ##   #### ####  #   # #   # #   # #   # #   # #####",
     "##  # #   # #   # #   # ##  # #      #    #   # #   # #   #  # #  #   #    # ",
     "#   # #   # #   # #   # #      ###   #    #   # #   # # # #   #   #   #   #  ",
     "#   # #   # #   # #   # #         #  #  # #  ##  # #  # # #  # #   ####  #   ",
     "#   #  ###  ####   #### #     ####    ##   ## #   #    # #  #   #     # #####",
     "            #         #                                           #   #      ",
     "            #         #                                            ###       "}},
    {"0123456789+-=", {
     " ###    #    ###  #####    #  #####   ##  #####  ###   ###                   ",
     "#   #  ##   #   #    #    ##  #      #        # #   # #   #   #              ",
     "#  ##   #       #   #    # #  ####  #        #  #   # #   #   #         #####",
     "# # #   #     ##     #  #  #      # ####    #    ###   #### ##### #####      ",
     "##  #   #    #        # #####     # #   #   #   #   #     #   #         #####",
     "#   #   #   #     #   #    #  #   # #   #   #   #   #    #    #              ",
     " ###   ###  #####  ###     #   ###   ###    #    ###   ##                    ",
     "", ""}},
    {".,:;/()[]%<>_", {
     "                            #    #   #      ### ###   ##       #   #         ",
     "                           #    #     #     #     #   ##  #   #     #        ",
     "              #     #      #   #       #    #     #      #   #       #       ",
     "                          #    #       #    #     #     #   #         #      ",
     "                         #     #       #    #     #    #     #       #       ",
     "  #     #                #      #     #     #     #   #  ##   #     #        ",
     "  #     #     #     #   #        #   #      ### ###      ##    #   #         ",
     "       #           #                                                    #####",
     ""}},
    {"x^*'\"!?|~#&@\\", {
     "        #           #    # #    #    ###    #          # #   ##    ###  #    ",
     "       # #          #    # #    #   #   #   #          # #  #  #  #   #  #   ",
     "#   # #   #   #     #           #       #   #    #  # #####  ##   # ###  #   ",
     " # #        # # #               #     ##    #   # # #  # #   #  # # # #   #  ",
     "  #          ###                #     #     #   #  #  ##### # # # # ###    # ",
     " # #         # #                            #          # #  #  #  #        # ",
     "#   #                           #     #     #          # #   ## #  ###      #",
     "", ""}},
};
/* clang-format on */

bool rn_glyph_dot(char c, int row, int column)
{
    if (row < 0 || row >= RN_GLYPH_HEIGHT || column < 0 || column >= RN_GLYPH_WIDTH || c == ' ')
        return false;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        for (size_t k = 0; lines[i].names[k]; k++) {
            if (lines[i].names[k] != c)
                continue;
            const char *dots = lines[i].dots[row];
            for (size_t at = 0; dots && dots[at]; at++)
                if (at == k * PITCH + (size_t)column)
                    return dots[at] == '#';
            return false;
        }
    return row < RN_GLYPH_HEIGHT - 2 && (row == 0 || row == RN_GLYPH_HEIGHT - 3 || column == 0 || column == RN_GLYPH_WIDTH - 1);
}
