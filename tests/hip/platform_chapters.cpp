/* What the platform promises: it has no asynchronous machinery. */
#include "contract.h"

contract_chapters promised_chapters()
{
    static const contract_chapter chapters[] = {{"platform.h", portable_checks, nullptr}};
    return {chapters, 1};
}
