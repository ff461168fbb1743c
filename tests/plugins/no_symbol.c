/* A library that is no plugin. */
#include <varlen/varlen.h>

VARLEN_API int something_else(void);

int something_else(void)
{
    return 1;
}
