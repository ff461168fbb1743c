/* Texts that are handed to the program and live until the process ends. */
#ifndef VARLEN_CORE_KEPT_TEXT_H
#define VARLEN_CORE_KEPT_TEXT_H

/* A copy of a text as varlen_text makes it: one line that can be printed. Equal texts share one copy, so what is asked
 * for again and again does not grow. Never NULL: without memory it is a sentence that says so. From any thread. */
const char *varlen_kept_text(const char *text);

/* The text itself if it is one line that can be printed, else a kept one that is. */
const char *varlen_printable_text(const char *text);

/* For fork.c: no other thread is adding a text between the two. */
void varlen_kept_text_hold(void);
void varlen_kept_text_release(void);

#endif
