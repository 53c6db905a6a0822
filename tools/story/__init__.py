"""The sample story: builders of realistic events, the attack, and the everyday noise around it.

All names and addresses are made up or reserved for documentation (RFC 2606, RFC 5737).
"""
