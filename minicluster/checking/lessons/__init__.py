"""The exercises of each lesson: one module a lesson, with EXERCISES in the order of the learner's file."""
