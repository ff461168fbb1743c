/* Reads JSON where it lies: a value is a pointer to its first character. */
#ifndef VARLEN_TOOLS_JSON_READ_H
#define VARLEN_TOOLS_JSON_READ_H

#include <stdbool.h>
#include <stddef.h>

/* Whether the text is one JSON value and nothing else. The other functions need this to have been checked. */
bool json_valid(const char *text);

/* The value of an object's member; NULL if there is none, or `object` is NULL or no object. */
const char *json_member(const char *object, const char *key);

/* The first element of an array, and the one after an element; NULL at the end, or if there is no array. */
const char *json_first(const char *array);
const char *json_next(const char *element);

/* Whether the value is a string, written without escapes, and equal to `text`. */
bool json_equals(const char *value, const char *text);
bool json_number(const char *value, double *number);

#endif
