# The kernels of the attention passes: each source in instances/ is compiled once for each of these.
# host/instance_table.h lists the same.
set(gpu_instance_types float16 bfloat16)
set(gpu_instance_dims "64 64" "128 128" "192 128" "256 256") # head_dim, value_dim
set(gpu_instance_generals false true)
