"""Who answers: workers take requests and return replies, and know nothing of captions."""
