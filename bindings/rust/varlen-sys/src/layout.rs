//! How structs are defined, so that the test can ask where their fields lie.

/// One struct, for the test.
pub struct Layout {
    pub name: &'static str,
    pub size: usize,
    /// Name, offset and size of each field.
    pub fields: &'static [(&'static str, fn() -> (usize, usize))],
}

/// Defines structs of C, each with `zeroed`, and the list of their layouts.
macro_rules! c_structs {
    ($(pub struct $name:ident { $(pub $field:ident: $type:ty,)* })*) => {
        $(
            #[repr(C)]
            #[derive(Clone, Copy, Debug)]
            pub struct $name {
                $(pub $field: $type,)*
            }

            impl $name {
                /// Zeros: every field at its default. `struct_size`, where there is one, is still to be set.
                pub fn zeroed() -> Self {
                    // SAFETY: the fields are integers, floats, pointers, and arrays of them.
                    unsafe { std::mem::MaybeUninit::zeroed().assume_init() }
                }
            }
        )*

        #[doc(hidden)]
        pub const LAYOUTS: &[$crate::Layout] = &[$($crate::Layout {
            name: stringify!($name),
            size: std::mem::size_of::<$name>(),
            fields: &[$((stringify!($field), || {
                let value = $name::zeroed();
                let start = std::ptr::addr_of!(value) as usize;
                (std::ptr::addr_of!(value.$field) as usize - start, std::mem::size_of_val(&value.$field))
            }),)*],
        },)*];
    };
}

pub(crate) use c_structs;
