require_relative 'app'
run Stripe
