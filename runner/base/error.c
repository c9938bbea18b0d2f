#define RN_ERROR_C /* see the end of the header */
#include <runner/error.h>

#include <stdio.h>
#include <string.h>

bool rn_fail_v(rn_error *err, rn_code code, rn_place place, const char *format, va_list args)
{
    err->code = code;
    err->line = place.line;
    err->column = place.column;
    snprintf(err->file, sizeof err->file, "%s", place.file ? place.file : "");
    vsnprintf(err->text, sizeof err->text, format, args);
    return false;
}

bool rn_fail(rn_error *err, rn_code code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    rn_fail_v(err, code, (rn_place){0}, format, args);
    va_end(args);
    return false;
}

bool rn_fail_at(rn_error *err, rn_code code, rn_place place, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    rn_fail_v(err, code, place, format, args);
    va_end(args);
    return false;
}

bool rn_at(rn_error *err, rn_place place)
{
    if (err->line == 0 && place.line > 0) {
        err->line = place.line;
        err->column = place.column;
        snprintf(err->file, sizeof err->file, "%s", place.file ? place.file : "");
    }
    return false;
}

bool rn_context(rn_error *err, const char *format, ...)
{
    enum { MOST = sizeof err->text - 1 }; /* a long context cuts the finder's words */
    char text[MOST + 3];
    va_list args;
    va_start(args, format);
    vsnprintf(text, MOST + 1, format, args);
    va_end(args);
    size_t n = strlen(text);
    memcpy(text + n, ": ", 2);
    n = n + 2 < MOST ? n + 2 : MOST;
    memmove(err->text + n, err->text, MOST - n);
    memcpy(err->text, text, n);
    err->text[MOST] = '\0';
    return false;
}
