"""A zoo of miniature fine-tunes whose harm is measured, and what three audits make of them."""
