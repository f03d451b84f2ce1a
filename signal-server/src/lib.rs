//! Introduces Maru callers to each other, and sees nothing else.
