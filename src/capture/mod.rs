//! Where packets come from and go to: capture files, standard input, live interfaces, and writers.
