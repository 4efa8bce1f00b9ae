//! What is told of a tarball and of two.
