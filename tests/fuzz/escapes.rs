//! What stands in data does not steer the terminal: the program's own output over files that try, of every format.
