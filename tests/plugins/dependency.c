/* What a fake plugin needs and will not find. */
#include <varlen/varlen.h>

VARLEN_API int fake_dependency(void);

int fake_dependency(void)
{
    return 1;
}
