#ifndef RN_STORE_SCHEMA_FILES_H
#define RN_STORE_SCHEMA_FILES_H
/* The files of schema/, embedded at build by embed.cmake: file number n brings a database from version n − 1
 * to n and ends with `PRAGMA user_version = n`. */

typedef struct rn_schema_file {
    const char *name; /* "0001_first.sql" */
    const char *sql;  /* NUL-ended */
} rn_schema_file;

/* In order of their numbers, ended by a row without a name. */
extern const rn_schema_file rn_schema_files[];

#endif
