//! Remote registries behind one trait.
