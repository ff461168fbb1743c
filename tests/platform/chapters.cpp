/* What a platform that has asynchronous machinery promises. */
#include "contract.h"

contract_chapters promised_chapters()
{
    static const contract_chapter chapters[] = {
        {"platform.h", portable_checks, nullptr},
        {"async_platform.h", async_checks, async_left_out},
    };
    return {chapters, 2};
}
