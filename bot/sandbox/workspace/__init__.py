"""A local workspace: a stand-in for Slack, a process of its own on loopback.

It implements what the bot and a passing test call: the Web API, Socket Mode, slash commands, buttons,
modals, and a page on which a person acts as anybody in the workspace. It imports nothing of the project.
"""
