//! Bitmap commands through a server in a box.
