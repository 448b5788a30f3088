SELECT day, sum(price) FROM orders WHERE day = '{{ ds }}' GROUP BY day
