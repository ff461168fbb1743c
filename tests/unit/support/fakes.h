/* The fake backends that configuration_fakes.c links in. */
#ifndef VARLEN_TESTS_FAKES_H
#define VARLEN_TESTS_FAKES_H

#include "plugins/fake.h"

const varlen_backend *varlen_backend_entry_fake(const varlen_host *host);   /* has all functions; priority 10 */
const varlen_backend *varlen_backend_entry_bare(const varlen_host *host);   /* has no optional one; priority 5 */
const varlen_backend *varlen_backend_entry_absent(const varlen_host *host); /* has no device; priority 90 */

fake_record *fake_record_of_thread(void);
fake_record *bare_record_of_thread(void);

#endif
