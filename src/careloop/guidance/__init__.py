"""From a snapshot and a risk value to recommendations with their citations.

Nothing here knows a disease or a model: rules, medicines and advice are data of a programme.
"""
