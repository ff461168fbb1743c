/* The products of panel.h as the kernel set makes them. */
#ifndef VARLEN_CPU_PANEL_PRODUCTS_H
#define VARLEN_CPU_PANEL_PRODUCTS_H

#if defined(CPU_AMX)
#include "kernels/panel_amx.h"
#else
#include "kernels/panel_vectors.h"
#endif

#endif
