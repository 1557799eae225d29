"""Training of the two default model bundles, intent and sentiment.

Run from `models/`. Stages in order, each resumable and each a module:
prepare, train, export, calibrate, evaluate, manifest; `python -m training` runs them all.
"""
