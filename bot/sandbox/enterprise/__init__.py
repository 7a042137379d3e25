"""A simulated enterprise: two to six appliances, each an HTTPS Appliance Console on a loopback port of its own.

What its pages show is docs/assumed-console.md, to the letter. It shares no code with the console driver.
"""
