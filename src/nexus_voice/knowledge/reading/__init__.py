"""Files of many types -> documents -> passages; what comes from strangers is read in a process of its own."""
