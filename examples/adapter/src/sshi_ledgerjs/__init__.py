"""A small chain written in JavaScript, plugged into sshi from outside."""
