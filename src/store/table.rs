//! Typed tables: text keys, JSON values, and the version of the shape in the stored type name.

use std::{fmt::Debug, marker::PhantomData};

use redb::{TypeName, Value};

/// The highest version of a table's shape; a bound so that each has a type of its own.
pub const VERSION_MAX: u32 = 16;

/// A typed table. The version is part of the stored type name: another shape cannot be misread.
#[derive(Debug)]
pub struct Table<V> {
    pub(crate) name: &'static str,
    pub(crate) version: u32,
    value: PhantomData<fn() -> V>,
}

impl<V> Table<V> {
    /// Declares a table; `version` is from 1 to [`VERSION_MAX`], checked when the constant is
    /// compiled.
    pub const fn new(name: &'static str, version: u32) -> Self {
        assert!(version >= 1 && version <= VERSION_MAX, "a table's version is from 1 to 16");
        Self { name, version, value: PhantomData }
    }

    /// The table's name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) const fn spec(&self) -> Spec<'static> {
        Spec { name: self.name, version: self.version }
    }
}

/// A table without its value type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spec<'a> {
    pub(crate) name: &'a str,
    pub(crate) version: u32,
}

/// The stored type name of a version.
pub(crate) fn type_name(version: u32) -> String {
    format!("tomking::json:v{version}")
}

/// JSON text of version `V`, as redb sees it: bytes under a literal type name.
#[derive(Debug)]
pub(crate) struct Json<const V: u32>;

impl<const V: u32> Value for Json<V> {
    type SelfType<'a> = &'a [u8];
    type AsBytes<'a> = &'a [u8];

    fn fixed_width() -> Option<usize> {
        None
    }

    fn from_bytes<'a>(data: &'a [u8]) -> &'a [u8]
    where
        Self: 'a,
    {
        data
    }

    fn as_bytes<'a, 'b: 'a>(value: &'a &'b [u8]) -> &'a [u8]
    where
        Self: 'b,
    {
        value
    }

    fn type_name() -> TypeName {
        TypeName::new(&type_name(V))
    }
}
