"""Questions put to pods and engines: what runs, what was counted, what is answered. They change nothing."""
