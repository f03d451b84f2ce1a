//! The link to one peer: everything that `webrtc` does, behind one adapter.
