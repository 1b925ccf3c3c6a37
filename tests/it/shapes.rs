//! Handlers of every shape.
