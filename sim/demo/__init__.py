"""The guided tour: a simulated arm behind the server, a hopper on a loaded machine, and a page that shows both."""
