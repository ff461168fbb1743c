/* The version of the library that is running. */
#include <varlen/varlen.h>

#define TEXT_OF(number) #number
#define VERSION_TEXT(major, minor, patch) TEXT_OF(major) "." TEXT_OF(minor) "." TEXT_OF(patch)

const char *varlen_version(void)
{
    return VERSION_TEXT(VARLEN_VERSION_MAJOR, VARLEN_VERSION_MINOR, VARLEN_VERSION_PATCH);
}
