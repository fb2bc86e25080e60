//! What all sources in AWS share: credentials, budgets and prices, and faults in words.
