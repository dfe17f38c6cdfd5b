"""The guided tour: a simulated arm behind the server, a hopper on a loaded machine, and a page that shows both.

- What is run: `request` says what and how much, `tour` runs `arm`, then `comparison` on the hopper and, where the
  machine is too fast for it, on the `synthetic` policy, while `narrator` tells the terminal how far it is.
- A comparison: `rounds` of turns through `driving`, under the load of `busy`, each period noted in a `trace`.
- What is shown: `results` as rows and tables, the `verdict` on them, and the page: its text in `chapters`, its plots in
  `figures`, and a `video` of each `recording`.
"""
