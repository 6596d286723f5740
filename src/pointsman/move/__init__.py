"""move"""
