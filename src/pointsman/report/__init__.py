"""What people and programs are shown: tables, the live tree, plain lines, JSON. It decides nothing."""
