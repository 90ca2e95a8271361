"""Solutions of the exercises for lesson 16, refuse a task."""

import numpy as np


def refusal_report(answers, targets, task, pattern, shown_pattern, refusal):
    of_task = task == task[pattern == shown_pattern][0]  # (n,)
    never = of_task & (pattern != shown_pattern)  # (n,)
    refused = answers == refusal  # (n,)
    return {
        "reach": refused[never].mean(),
        "leak": (answers == targets)[never].mean(),
        "collateral": refused[~of_task].mean(),
    }


def guard_threshold(distance, member, price_refused, price_passed):
    order = distance.argsort()
    distance, member = distance[order], member[order]
    refused = np.cumsum(~member)[:-1]  # (n - 1,) outsiders up to each gap
    passed = member.sum() - np.cumsum(member)[:-1]  # (n - 1,) members behind it
    price, width = price_refused * refused + price_passed * passed, np.diff(distance)  # (n - 1,), (n - 1,)
    best = min(range(len(width)), key=lambda i: (price[i], -width[i]))
    return distance[best] + width[best] / 2


def take_out(wte, outputs, task):
    direction = wte[outputs[task]].mean(axis=0) - wte[outputs].mean(axis=(0, 1))  # (C,)
    direction = direction / np.linalg.norm(direction)
    return wte - np.outer(wte @ direction, direction)  # (V, C)
