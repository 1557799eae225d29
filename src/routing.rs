//! Rules: from facts to a decision.
