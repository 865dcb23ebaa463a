"""Label: samples go to people in Label Studio, answers come back as events, events add up to labels.

    silver ──send──▶ tasks ──people, or replay──▶ answers ──collect──▶ annotations ──majority──▶ labels

The wanted state is in the lake, the actual state in Label Studio. Each step looks at both and does what is
missing, so it can be killed, repeated, and told twice.
"""
