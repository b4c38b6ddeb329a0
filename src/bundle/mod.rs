//! The portable model: native form, ONNX, signature, card, digest.
